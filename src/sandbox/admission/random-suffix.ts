/** apimachinery/pkg/util/rand: no vowels and no look-alikes, so that names spell nothing. */
const letters = 'bcdfghjklmnpqrstvwxz2456789';

export function randomSuffix(random: () => number, length = 5): string {
  return Array.from({length}, () => letters[Math.floor(random() * letters.length)]).join('');
}
