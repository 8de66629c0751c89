/** Where the files of this package are: file by file as they are compiled, or in a few bundles, as users get them. */

/** Whether this is a part of a bundle. The bundles lie side by side; the compiled files lie as their sources do. */
export const isBundled: boolean = import.meta.url.endsWith(".cjs");

/** The folder of all code of this package, as a URL with a slash at its end. */
export const OWN_FOLDER: string = new URL(isBundled ? "./" : "../", import.meta.url).href;

/** The program of a worker process. */
export const WORKER_ENTRY: URL = new URL(isBundled ? "./worker.cjs" : "../subprocess/main.js", import.meta.url);

/** The program of the thread beside a worker's main thread. */
export const WATCHDOG_ENTRY: URL = new URL(
  isBundled ? "./watchdog.cjs" : "../subprocess/guard/watchdog.js",
  import.meta.url,
);
