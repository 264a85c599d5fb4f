/** A text file that is built in as it is. */
declare module "*.txt?raw" {
  const text: string
  export default text
}
