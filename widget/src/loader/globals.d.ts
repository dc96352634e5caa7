// What the build puts into the loader (build.mjs).

/** Names of the files that it fetches. */
declare const USHER_FILES: { app: string; greet: string; element: string };
/** Language code -> texts of launcher_…, in the order of en.ts. */
declare const USHER_LAUNCHER: Record<string, string[]>;
/** The same of greet_…. */
declare const USHER_GREET: Record<string, string[]>;

declare module '*.css' {
  const text: string;
  export default text;
}
