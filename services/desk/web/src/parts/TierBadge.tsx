import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Tier } from "../api/types";
import classes from "./TierBadge.module.css";

export function TierBadge({ tier }: { tier: Tier }) {
  const { t } = useTranslation();
  return (
    <Badge size="sm" radius="sm" variant="default" className={classes.tier} data-tier={tier}>
      {t(`tiers.${tier}`)}
    </Badge>
  );
}
