import { expect, test } from "vitest";

import { isWebAddress, serverAddress } from "../src/config";

const HERE = "https://example.org/page/";

test("a server's address ends with one slash, whatever follows it", () => {
  expect(serverAddress("https://a.org/x//?y#z", HERE)).toBe("https://a.org/x/");
  expect(serverAddress("../other", HERE)).toBe("https://example.org/other/");
  for (const text of ["javascript:alert(1)", "data:text/html,x", "https://[", "ftp://a.org"])
    expect(serverAddress(text, HERE)).toBeNull();
});

test("files lie on the web, and are no scripts", () => {
  expect(["/assets/a.tif", "http://a.org/a.tif?b=c"].map((text) => isWebAddress(text, HERE))).toEqual([true, true]);
  for (const text of ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "blob:https://a.org/1"])
    expect(isWebAddress(text, HERE)).toBe(false);
});
