const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/** 96 random bits in 16 characters of the protocol's id alphabet. `crypto.randomUUID` is absent without TLS, this is not. */
export function randomId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return prefix + Array.from(bytes, (byte) => ALPHABET.charAt(byte & 63)).join("");
}
