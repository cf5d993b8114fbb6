// Builds the page into the server's static files; every address in it is relative, so it works behind any prefix.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { defineConfig } from "vite";

const POLICY =
  "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; " +
  "object-src 'none'; base-uri 'self'; form-action 'self'";

/** The built page is forbidden to ask another host for anything. */
const contentPolicy = () => ({
  name: "content-policy",
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
  ],
});

/** Swagger UI for the server's /docs, so that these need no content delivery network. */
const swaggerUi = () => ({
  name: "swagger-ui",
  apply: "build",
  generateBundle() {
    const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
    for (const name of ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "LICENSE", "NOTICE"]) {
      const source = readFileSync(join(folder, name));
      this.emitFile({ type: "asset", fileName: `vendor/swagger-ui/${name}`, source });
    }
  },
});

const server = process.env.WORLDSTRAT_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "./",
  plugins: [contentPolicy(), swaggerUi()],
  // Not "assets": that path is the server's, for the imagery itself.
  build: {
    outDir: "../server/static",
    emptyOutDir: true,
    assetsDir: "app",
    target: "es2022",
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 2000,
  },
  server: { proxy: { "/stac": server, "/raster": server, "/assets": server } },
  test: { include: ["tests/**/*.test.ts"] },
});
