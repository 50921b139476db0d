const MIN_SECONDS = 2;
const MAX_SECONDS = 10;

/** What the header Retry-After of a refused upgrade says: a random number of seconds, so that a crowd does not come back at once. */
export function retryAfterSeconds(): number {
  return MIN_SECONDS + Math.floor(Math.random() * (MAX_SECONDS - MIN_SECONDS + 1));
}
