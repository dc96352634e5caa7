// What the build puts into the loader.

/** Name of the app's file. */
declare const USHER_APP: string;
/** Language code -> the loader's words, in the order of LAUNCHER_KEYS (text/all.ts). */
declare const USHER_WORDS: Record<string, string[]>;

declare module '*.css' {
  const text: string;
  export default text;
}
