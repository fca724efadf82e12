/**
 * Text → date, and the numbers that a date feature is made of.
 *
 * A date is its day number: days since 1 January 1970 in the proleptic Gregorian calendar, without time or zone. A part
 * `year-sin-k` is sin(2πk·d/n) for day d = 0 … n−1 of a year of n days: k = 1 has one wave a year, k = 2 follows what comes
 * twice a year, such as migration. `week-sin-k` is the same for weekdays, Monday = 0, n = 7.
 */

export const DATE_FORMATS = ["YYYY-MM-DD", "M/D/YYYY", "D.M.YYYY"] as const;

export type DateFormat = (typeof DATE_FORMATS)[number];

export const DATE_PARTS = [
  "year",
  "month",
  "day-of-month",
  "day-of-year",
  "day-of-week",
  "year-sin-1",
  "year-cos-1",
  "year-sin-2",
  "year-cos-2",
  "year-sin-3",
  "year-cos-3",
  "week-sin-1",
  "week-cos-1",
  "week-sin-2",
  "week-cos-2",
  "week-sin-3",
  "week-cos-3",
] as const;

export type DatePart = (typeof DATE_PARTS)[number];

const MILLISECONDS_PER_DAY = 86_400_000;

const PATTERNS: { readonly [F in DateFormat]: RegExp } = {
  "YYYY-MM-DD": /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})$/,
  "M/D/YYYY": /^(?<month>\d{1,2})\/(?<day>\d{1,2})\/(?<year>\d{4})$/,
  "D.M.YYYY": /^(?<day>\d{1,2})\.(?<month>\d{1,2})\.(?<year>\d{4})$/,
};

/** The day number, or `undefined` if the text is not of the format or not a day of the calendar. Years 100 to 9999. */
export function parseDate(text: string, format: DateFormat): number | undefined {
  const groups = PATTERNS[format].exec(text)?.groups;
  if (!groups) return undefined;
  const [year, month, day] = [Number(groups["year"]), Number(groups["month"]), Number(groups["day"])];
  const time = Date.UTC(year, month - 1, day);
  const date = new Date(time);
  // Date.UTC carries 31 February over into March, and reads the years 0 to 99 as 1900 to 1999.
  const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return same ? time / MILLISECONDS_PER_DAY : undefined;
}

/** The value of one part of a day number. */
export function datePart(day: number, part: DatePart): number {
  const date = new Date(day * MILLISECONDS_PER_DAY);
  const year = date.getUTCFullYear();
  const newYear = Date.UTC(year, 0, 1) / MILLISECONDS_PER_DAY;
  const daysInYear = Date.UTC(year + 1, 0, 1) / MILLISECONDS_PER_DAY - newYear;
  const weekday = (date.getUTCDay() + 6) % 7;
  switch (part) {
    case "year":
      return year;
    case "month":
      return date.getUTCMonth() + 1;
    case "day-of-month":
      return date.getUTCDate();
    case "day-of-year":
      return day - newYear + 1;
    case "day-of-week":
      return weekday;
    case "year-sin-1":
    case "year-sin-2":
    case "year-sin-3":
      return Math.sin(angle(part, (day - newYear) / daysInYear));
    case "year-cos-1":
    case "year-cos-2":
    case "year-cos-3":
      return Math.cos(angle(part, (day - newYear) / daysInYear));
    case "week-sin-1":
    case "week-sin-2":
    case "week-sin-3":
      return Math.sin(angle(part, weekday / 7));
    case "week-cos-1":
    case "week-cos-2":
    case "week-cos-3":
      return Math.cos(angle(part, weekday / 7));
    default:
      return part satisfies never;
  }
}

/** 2πk·t, with k the last character of the part's name. */
function angle(part: `${string}-${1 | 2 | 3}`, fraction: number): number {
  return 2 * Math.PI * Number(part.at(-1)) * fraction;
}
