/** What an application can do wrong with a call. What others do wrong is ignored, and never throws. */

/** The call is not in a state in which this can be done. */
export class CallNotAllowed extends Error {}
