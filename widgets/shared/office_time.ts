/** Moments by the office's clock, which may differ from the browser's: `2026-11-30T10:00`, as a date field has them. */

export interface QuickTime {
  key: "result_in_hour" | "result_tomorrow" | "result_monday";
  due: string;
}

const HOUR = 3600;
const MORNING = "10:00";

/** The date and time on the office's wall at this moment (Unix seconds); the browser's where the zone is not known. */
export function wallClock(seconds: number, zone: string): string {
  const date = new Date(seconds * 1000);
  const options: Intl.DateTimeFormatOptions = {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  };
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-CA", { ...options, timeZone: zone });
  } catch {
    format = new Intl.DateTimeFormat("en-CA", options);
  }
  const part = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

/** For people: day, month and time on the office's wall, with the year where it is another one. */
export function zonedMoment(seconds: number, zone: string, language: string, now = Date.now()): string {
  const date = new Date(seconds * 1000);
  const isThisYear = date.getFullYear() === new Date(now).getFullYear();
  const options: Intl.DateTimeFormatOptions = {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    ...(isThisYear ? {} : { year: "numeric" }),
  };
  try {
    return date.toLocaleString(language, { ...options, timeZone: zone });
  } catch {
    return date.toLocaleString(language, options); // a zone that this browser does not know
  }
}

/** In an hour, tomorrow morning, and the next Monday's where that is another day. */
export function quickTimes(seconds: number, zone: string): QuickTime[] {
  const [today = ""] = wallClock(seconds, zone).split("T");
  const tomorrow = daysLater(today, 1);
  const monday = daysLater(today, (8 - weekday(today)) % 7 || 7);
  return [
    { key: "result_in_hour", due: wallClock(seconds + HOUR, zone) },
    { key: "result_tomorrow", due: `${tomorrow}T${MORNING}` },
    ...(monday === tomorrow ? [] : [{ key: "result_monday" as const, due: `${monday}T${MORNING}` }]),
  ];
}

/** Whether the browser's clock shows the same as the office's now. */
export function isOfficeTime(seconds: number, zone: string): boolean {
  return wallClock(seconds, zone) === wallClock(seconds, Intl.DateTimeFormat().resolvedOptions().timeZone);
}

/** Of dates without a time there are no zones: UTC counts days only. */
function daysLater(date: string, days: number): string {
  const day = new Date(`${date}T00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}

/** 0: Sunday. */
function weekday(date: string): number {
  return new Date(`${date}T00:00Z`).getUTCDay();
}
