import { Anchor, Button, Group, Loader, Modal, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useTranslation } from "react-i18next";

import type { Attachment } from "../api/types";
import { useFormat } from "../i18n/format";
import { IconDownload, IconFile, IconFileOff } from "../parts/icons";
import classes from "./Files.module.css";

const isSound = (type: string): boolean => type.startsWith("audio/") || type === "application/ogg";

function Picture({ file, url, thumbnail }: { file: Attachment; url: string; thumbnail: string }) {
  const { t } = useTranslation();
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <UnstyledButton className={classes.picture} onClick={open} aria-label={t("files.openPicture", { name: file.name })} data-testid="file-picture">
        <img src={thumbnail} alt={file.name} width={168} height={126} decoding="async" />
      </UnstyledButton>
      <Modal
        opened={opened} onClose={close} size="auto" title={<bdi className={classes.pictureName}>{file.name}</bdi>}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        <Stack align="center">
          <img src={url} alt={file.name} className={classes.whole} data-testid="file-whole" />
          <Button component="a" href={`${url}?save=true`} download variant="light" leftSection={<IconDownload size={17} />}>{t("files.save")}</Button>
        </Stack>
      </Modal>
    </>
  );
}

function Sound({ file, url }: { file: Attachment; url: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className={classes.sound}>
      <audio controls preload="metadata" src={url} aria-label={t("files.sound", { name: file.name })} data-testid="file-sound" />
      <Text size="xs" c="dimmed"><bdi>{file.name}</bdi> · {format.bytes(file.size)}</Text>
    </div>
  );
}

function Plain({ file }: { file: Attachment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const size = file.size > 0 && <span className={classes.size}>{format.bytes(file.size)}</span>;
  if (file.state === "pending") {
    return (
      <Group gap={7} wrap="nowrap" className={classes.plain} role="status" data-testid="file-pending">
        <Loader size={14} color="gray" aria-hidden="true" />
        <bdi className="clip">{file.name}</bdi>
        <span className={classes.size}>{t("files.pending")}</span>
      </Group>
    );
  }
  if (file.state === "gone" || file.url === null) {
    return (
      <Group gap={7} wrap="nowrap" className={classes.plain} data-testid={file.state === "gone" ? "file-gone" : "file-local"}>
        {file.state === "gone" ? <IconFileOff size={16} aria-hidden="true" /> : <IconFile size={16} aria-hidden="true" />}
        <bdi className="clip">{file.name}</bdi>
        {file.state === "gone" ? <span className={classes.size}>{t("files.gone")}</span> : size}
      </Group>
    );
  }
  return (
    <Anchor href={`${file.url}?save=true`} download className={classes.plain ?? ""} underline="hover" c="inherit" data-testid="file-link">
      <IconFile size={16} aria-hidden="true" />
      <bdi className="clip">{file.name}</bdi>
      {size}
      <IconDownload size={15} aria-hidden="true" />
    </Anchor>
  );
}

function File({ file }: { file: Attachment }) {
  if (file.state === "stored" && file.url && file.thumbnail_url) return <Picture file={file} url={file.url} thumbnail={file.thumbnail_url} />;
  if (file.state === "stored" && file.url && isSound(file.media_type)) return <Sound file={file} url={file.url} />;
  return <Plain file={file} />;
}

/** What came with a message: pictures to open, sound to play, files to save, and those still on their way. */
export function Files({ files }: { files: readonly Attachment[] }) {
  const { t } = useTranslation();
  if (files.length === 0) return null;
  return (
    <ul className={classes.files} aria-label={t("files.title")}>
      {files.map((file, place) => <li key={`${file.ref}-${place}`}><File file={file} /></li>)}
    </ul>
  );
}
