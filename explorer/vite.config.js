// Builds the page into the server's static files; every address in it is relative, so it works behind any prefix.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { defineConfig } from "vite";

/** The server that the page asks, where that is not the one that serves it; and a basemap of the operator's choice. */
const { WORLDSTRAT_SERVER, WORLDSTRAT_BASEMAP } = process.env;
const origins = [WORLDSTRAT_SERVER, WORLDSTRAT_BASEMAP]
  .filter((address) => address?.startsWith("http"))
  .map((address) => new URL(address.replace(/[{}]/g, "")).origin);

/** Returns the content policy: no host but the page's own and those named above; in mode `static` any server. */
function policy(mode) {
  const hosts = [...new Set(["'self'", ...origins, ...(mode === "static" ? ["http:", "https:"] : [])])].join(" ");
  return [
    "default-src 'self'",
    "script-src 'self'",
    `connect-src ${hosts}`,
    `img-src ${hosts} data: blob:`,
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
  ].join("; ");
}

/** Writes policy, server and basemap into the built page. */
const headElements = () => {
  let mode = "";
  const named = (name, content) =>
    content === undefined ? [] : [{ tag: "meta", attrs: { name: `worldstrat-${name}`, content }, injectTo: "head" }];
  return {
    name: "head-elements",
    apply: "build",
    configResolved: (config) => void (mode = config.mode),
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: policy(mode) },
        injectTo: "head-prepend",
      },
      ...named("server", WORLDSTRAT_SERVER),
      ...named("basemap", WORLDSTRAT_BASEMAP),
    ],
  };
};

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
  plugins: [headElements(), swaggerUi()],
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
