/** The mark: two links joined by one line. Decorative; the name stands beside it. */
export function Brand({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--mantine-color-turquoise-7)" />
      <g fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round">
        <path d="M14.5 20.5a5.5 5.5 0 1 1 0-9" />
        <path d="M17.5 11.5a5.5 5.5 0 1 1 0 9" />
        <path d="M12.5 16h7" />
      </g>
    </svg>
  );
}
