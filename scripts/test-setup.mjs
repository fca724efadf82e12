/** Before the first test: what the tests import of src/ is what tsc has built of it. */

export { buildDist as setup } from "./lib/build.mjs";
