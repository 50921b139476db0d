/**
 * The same function of a text, which keeps what it answered for up to `max` texts, and forgets them all for the next.
 * For answers that depend on the text only and are not changed.
 */
export function remembered<T>(max: number, compute: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined || answers.has(text)) return known as T;
    const answer = compute(text);
    if (answers.size >= max) answers.clear();
    answers.set(text, answer);
    return answer;
  };
}
