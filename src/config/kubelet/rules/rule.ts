/** One line of complaint where a rule does not hold. */
export function rule(holds: boolean, complaint: string): string[] {
  return holds ? [] : [complaint];
}
