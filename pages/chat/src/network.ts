/**
 * Return whether the host is written as one of a private network: an address in numbers, a name without a dot, or one of
 * the domains that belong to no site (RFC 6762, RFC 8375, ICANN for `.internal`).
 */
export function isOnOwnNetwork(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  return name.startsWith("[") || /^\d+(\.\d+){3}$/.test(name) || !name.includes(".") || /\.(local|home\.arpa|internal|lan)$/.test(name);
}
