/** All icons of the desk in one place, so that one meaning keeps one picture. */
export {
  IconAlertTriangle, IconArrowLeft, IconArrowsLeftRight, IconBan, IconBell, IconBolt, IconCheck, IconChecks, IconChevronDown, IconCopy, IconShieldCheck,
  IconCircleCheck, IconCircleDashed, IconClock, IconCloudOff, IconCommand, IconCornerUpLeft, IconDeviceMobileMessage,
  IconEye, IconEyeCheck, IconHelpCircle, IconHourglass, IconInbox, IconInfoCircle, IconKeyboard, IconLanguage, IconList, IconLogout,
  IconMail, IconMailOff, IconMenu2, IconMessageCircle, IconMessages, IconMoon, IconNote, IconPaperclip, IconPhone, IconPlayerPause,
  IconCloudDownload, IconDownload, IconExternalLink, IconFile, IconFileOff, IconPencil, IconPhoneIncoming, IconPhoneOutgoing,
  IconPhoneX, IconPlayerPlay, IconTrash, IconUserQuestion,
  IconHistory, IconRefresh, IconRoute, IconSearch, IconSend, IconSettings, IconSun, IconUser, IconUserCheck, IconUsers, IconWorld, IconX,
} from "@tabler/icons-react";
export { IconBrandTelegram } from "@tabler/icons-react";
