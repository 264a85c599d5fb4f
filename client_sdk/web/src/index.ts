/** What an application may use of the SDK: nothing else is public. */

export { paddedLength, paddingFor } from "./padding.ts"
