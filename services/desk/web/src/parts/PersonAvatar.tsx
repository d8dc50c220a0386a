import { Avatar, Box } from "@mantine/core";

import { ChannelIcon } from "./ChannelIcon";
import classes from "./PersonAvatar.module.css";

const TINTS = 6;

function tintOf(text: string): number {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)!) % 997;
  return sum % TINTS;
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter((word) => /^\p{L}/u.test(word));
  const picked = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  // A zero-width non-joiner keeps two Persian initials from joining into one word.
  return picked.map((word) => [...(word ?? "")][0]?.toUpperCase() ?? "").join("\u200c");
}

interface Props {
  name: string | null;
  seed: string;
  size?: number;
  channel?: string;
}

/** Decorative: the name always stands beside it. */
export function PersonAvatar({ name, seed, size = 38, channel }: Props) {
  return (
    <Box className={classes.box} aria-hidden="true" style={{ inlineSize: size, blockSize: size }}>
      <Avatar radius="xl" size={size} variant="default" className={classes.avatar} data-tint={tintOf(seed)}>
        {name ? initials(name) || undefined : undefined}
      </Avatar>
      {channel !== undefined && (
        <span className={classes.channel}>
          <ChannelIcon channel={channel} size={12} bare />
        </span>
      )}
    </Box>
  );
}
