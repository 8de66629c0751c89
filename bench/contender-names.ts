/** The two that everybody is compared with. */

export const ASYNCCPU = "asynccpu";
export const RAW_LIMIT = "raw-limit";
