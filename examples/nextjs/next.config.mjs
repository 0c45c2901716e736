/** Where Duologue is, as this server sees it; read by `next build`. */
const duologue = process.env.DUOLOGUE_URL ?? "http://127.0.0.1:8000";

/** @type {import("next").NextConfig} */
export default {
  reactStrictMode: true,
  // On by default, and harmless: Duologue marks its event stream `no-transform`, so it is passed on frame by frame.
  compress: true,
  turbopack: { root: import.meta.dirname },
  async rewrites() {
    return [{ source: "/v1/:path*", destination: `${duologue}/v1/:path*` }];
  },
};
