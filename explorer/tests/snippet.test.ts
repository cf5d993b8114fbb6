import { expect, test } from "vitest";

import { pythonExpression } from "../src/snippet";

const same = (band: string): string => band;

test("bands and functions of an expression become Python's", () => {
  const { code, bands } = pythonExpression("where(nir>0,log10(nir)-abs(red),sqrt(red))", same);
  expect(code).toBe("xr.where(pixels.nir>0,np.log10(pixels.nir)-abs(pixels.red),np.sqrt(pixels.red))");
  expect(bands).toEqual(["nir", "red"]);
});

test("what is no function of the server's is called in no script", () => {
  expect(pythonExpression("exec(nir)+constructor(red)", same).code).toBe(
    "pixels.exec(pixels.nir)+pixels.constructor(pixels.red)",
  );
});
