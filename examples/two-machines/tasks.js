/** Counts the primes from one number up to another, which is not counted. It computes for a while. */
export function countPrimes(from, to) {
  let count = 0;
  for (let number = Math.max(from, 2); number < to; number += 1) {
    let isPrime = true;
    for (let divisor = 2; isPrime && divisor * divisor <= number; divisor += 1) isPrime = number % divisor !== 0;
    if (isPrime) count += 1;
  }
  return count;
}
