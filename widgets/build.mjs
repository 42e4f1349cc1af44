/**
 * Builds the widgets: `node build.mjs` into dist/amocrm/ (the archive's files), dist/bitrix24/ (the page that Dozvon
 * serves into a portal's frames, in parts that are loaded when they are needed) and dist/vendor/ (what the sandbox CRM's
 * page offers to widgets, so that an installed `dozvon demo` needs no npm) and the playground into build/, `--tests` the
 * tests into build/tests/.
 * A style sheet becomes a text, with what it imports: the card shares its tokens with the administrators' pages.
 *
 * The backend's address and the version stay marks here: pack.py, which needs no Node, fills them in.
 */
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const styleAsText = {
  name: "style as text",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { outputFiles } = await esbuild.build({
        entryPoints: [path],
        bundle: true,
        write: false,
        minify: true,
        charset: "utf8",
        logLevel: "warning",
      });
      return { contents: outputFiles[0].text, loader: "text", watchFiles: [path] };
    });
  },
};

const common = {
  bundle: true,
  charset: "utf8",
  target: ["es2022"],
  plugins: [styleAsText],
  legalComments: "none",
  logLevel: "warning",
};

async function buildAmocrm() {
  await rm("dist/amocrm", { recursive: true, force: true });
  await mkdir("dist/amocrm", { recursive: true });
  await esbuild.build({
    ...common,
    entryPoints: ["amocrm/script.ts"],
    outfile: "dist/amocrm/script.js",
    format: "iife",
    globalName: "dozvon",
    minifySyntax: true,
    minifyWhitespace: true,
    define: { DOZVON_BACKEND: '"@@DOZVON_BACKEND@@"', DOZVON_VERSION: '"@@DOZVON_VERSION@@"' },
    // amoCRM loads widgets by RequireJS; the module's value is the constructor.
    banner: { js: 'define(["jquery"],function(jquery){"use strict";' },
    footer: { js: "return dozvon.widgetConstructor(jquery);});" },
  });
  for (const name of ["manifest.json", "i18n", "images"]) {
    await cp(`amocrm/${name}`, `dist/amocrm/${name}`, { recursive: true });
  }
}

async function buildBitrix24() {
  await rm("dist/bitrix24", { recursive: true, force: true });
  await esbuild.build({
    ...common,
    entryPoints: { frame: "bitrix24/main.ts" },
    outdir: "dist/bitrix24",
    chunkNames: "part-[name]-[hash]",
    format: "esm",
    splitting: true,
    minify: true,
    define: { DOZVON_BACKEND: '""', DOZVON_VERSION: '""' },
  });
  await esbuild.build({
    entryPoints: ["shared/frame/frame.css"],
    outfile: "dist/bitrix24/frame.css",
    bundle: true,
    minify: true,
    charset: "utf8",
    logLevel: "warning",
  });
}

/** The files keep their places in node_modules: `--vendor-path` of the sandbox takes either folder. */
async function copyVendor() {
  await rm("dist/vendor", { recursive: true, force: true });
  for (const name of ["jquery/dist/jquery.min.js", "jquery/LICENSE.txt", "requirejs/require.js"]) {
    await cp(`node_modules/${name}`, `dist/vendor/${name}`);
  }
}

async function buildTests() {
  await rm("build/tests", { recursive: true, force: true });
  const names = (await readdir("tests")).filter((name) => name.endsWith(".test.ts"));
  await esbuild.build({
    ...common,
    entryPoints: names.map((name) => `tests/${name}`),
    outdir: "build/tests",
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    packages: "external",
    sourcemap: "inline",
    define: { DOZVON_BACKEND: '"https://dozvon.example.com"', DOZVON_VERSION: '"0.0.0-test"' },
  });
}

export async function buildPlayground() {
  await esbuild.build({ ...common, entryPoints: ["playground.ts"], outfile: "build/playground.js", format: "esm" });
}

// Only when run as a command: playground.mjs imports parts of this file.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--tests")) {
    await buildTests();
  } else {
    await buildAmocrm();
    await buildBitrix24();
    await copyVendor();
    await buildPlayground();
  }
}
