// What the scripts of the JavaScript clients share: the server that they call, and the report that they print.
// support.py is the same for Python.

import { readFile } from "node:fs/promises";

const target = JSON.parse(process.argv[2]);

// The address of the server, and an API key.
export const URL = target.url;
export const KEY = target.key;
// The endpoint names of the flows whose answer an OpenAI component, a Language Model and an Agent write.
export const MODELS = target.models;
export const MODEL = MODELS.openai;
// Their ids.
export const FLOWS = target.flows;
// The endpoint name of a flow whose agent has a tool of its own, which the server runs.
export const TOOL_AGENT = target.tool_agent;
// An endpoint name that no flow has.
export const MISSING_MODEL = "missing-flow";
export const WRONG_KEY = "sk-wrong";
export const IMAGE = await readFile(target.image);
export const IMAGE_URL = `data:image/png;base64,${IMAGE.toString("base64")}`;

// A message that the model server refuses, and one whose streamed answer it breaks off.
export const REFUSED = "break down";
export const BROKEN = "break off";

// The tool of the client, and its result.
export const TOOL_NAME = "get_weather";
export const TOOL_DESCRIPTION = "Return the weather of a city.";
export const TOOL_PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const WEATHER = "Rain.";

/** Return the class and the text of the error that a request throws. */
export async function errorOf(perform) {
  let answer;
  try {
    answer = await perform();
  } catch (error) {
    const type = error instanceof Error ? error.constructor.name : "error part";
    return { type, text: `${error.message}` };
  }
  throw new Error(`The request was answered: ${JSON.stringify(answer)}`);
}

/** Return a function for each of the flows that receives an image, by the name of its capability. */
export function images(perform) {
  return Object.fromEntries(
    Object.keys(MODELS).map((kind) => [`image_${kind}`, () => perform(`image_${kind}`, kind)]),
  );
}

/**
 * Use each capability of each part of a client once, and print the results as one JSON object.
 * A result has the `value` of the capability, or the stack of its failure as `failed`.
 */
export async function report(parts) {
  const results = {};
  for (const [part, capabilities] of Object.entries(parts)) {
    results[part] = {};
    for (const [name, perform] of Object.entries(capabilities)) {
      results[part][name] = await resultOf(perform);
    }
  }
  process.stdout.write(JSON.stringify(results));
}

async function resultOf(perform) {
  try {
    return { value: await perform() };
  } catch (error) {
    return { failed: error.stack };
  }
}
