const whole = new Intl.NumberFormat("en-US");

/** count writes a number of rows: 1,234. */
export function count(n: number): string {
  return whole.format(n);
}

/** rows writes a number with its unit. */
export function rows(n: number, one = "row"): string {
  return `${count(n)} ${one}${n === 1 ? "" : "s"}`;
}

/**
 * health writes a share between 0 and 1 in per cent, with two decimals at most. It is
 * never rounded up: 0.99999 is 99.99 %, so that 100 % means that every row went through.
 */
export function health(share: number): string {
  const hundredths = Math.floor(share * 10_000 + 1e-9);
  const whole = share < 1 ? Math.min(hundredths, 9_999) : hundredths;
  return `${(whole / 100).toFixed(2).replace(/\.?0+$/, "")} %`;
}

/** share writes a part between 0 and 1 in per cent, never rounded down to none. */
export function share(part: number): string {
  const hundredths = part > 0 ? Math.max(1, Math.ceil(part * 10_000 - 1e-9)) : 0;
  return `${(hundredths / 100).toFixed(2).replace(/\.?0+$/, "")} %`;
}
