import type { Me } from "../api/types";
import { WrapUps } from "../wrapups/WrapUps";
import classes from "./Corner.module.css";
import { NotResponding } from "./NotResponding";

/** What concerns the agent rather than a conversation; it lies above the page and moves nothing. */
export function Corner({ me }: { me: Me }) {
  return (
    <div className={classes.corner}>
      <NotResponding me={me} />
      <WrapUps />
    </div>
  );
}
