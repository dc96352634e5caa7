// The loader is built from ../src by build.mjs.
