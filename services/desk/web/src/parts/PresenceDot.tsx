import type { Presence } from "../api/types";
import classes from "./PresenceDot.module.css";

/** Decorative; differs in shape too, not in colour alone. */
export function PresenceDot({ presence }: { presence: Presence }) {
  return <span className={classes.dot} data-presence={presence} aria-hidden="true" />;
}
