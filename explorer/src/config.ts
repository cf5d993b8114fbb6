/** Where the server is, and which basemap an operator named: both stand in `<meta>` elements of index.html. */

const named = (name: string): string | null =>
  document.querySelector<HTMLMetaElement>(`meta[name="worldstrat-${name}"]`)?.content || null;

/** Returns a server's address with its final slash, or null where the text is no http(s) address. */
export function serverAddress(text: string, base: string): string | null {
  try {
    const { protocol, origin, pathname } = new URL(text, base);
    return /^https?:$/.test(protocol) ? `${origin}${pathname.replace(/\/*$/, "/")}` : null;
  } catch {
    return null;
  }
}

/** Tells whether an address is one of the web: a catalog that is not ours could name a script (`javascript:`). */
export const isWebAddress = (text: string, base: string): boolean => serverAddress(text, base) !== null;

/**
 * Finds the server: `?server=` where the page was built for any server (mode `static`; the content policy of every other
 * build allows one alone), else the one named when it was built, else wherever this page lies.
 */
function findServer(): string {
  const asked = import.meta.env.MODE === "static" ? new URLSearchParams(location.search).get("server") : null;
  const here = new URL(".", document.baseURI).href;
  return serverAddress(asked ?? named("server") ?? here, here) ?? here;
}

let found: string | undefined;

/** The server's root, with its final slash. */
export const root = (): string => (found ??= findServer());

/** The basemap that an operator named: an XYZ template (with `{z}`) or the address of a style; null for our own. */
export const basemap = (): string | null => named("basemap");
