/** The formats of a verification's report. */

export const FORMATS = ["text", "json", "sarif", "junit"] as const;
export type ReportFormat = (typeof FORMATS)[number];
