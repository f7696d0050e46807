// Vercel's AI SDK, with its provider for OpenAI (Responses) and that for compatible servers (chat completions).

import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import {
  BROKEN,
  errorOf,
  IMAGE,
  images,
  KEY,
  MISSING_MODEL,
  MODEL,
  MODELS,
  REFUSED,
  report,
  TOOL_AGENT,
  TOOL_DESCRIPTION,
  TOOL_NAME,
  URL,
  WEATHER,
  WRONG_KEY,
} from "./support.mjs";

// set-up of responses
import { createOpenAI } from "@ai-sdk/openai";

const openai = createOpenAI({ baseURL: `${URL}/v1`, apiKey: KEY });
// end
// set-up of chat
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const headrace = createOpenAICompatible({
  name: "headrace",
  baseURL: `${URL}/v1`,
  apiKey: KEY,
  supportsStructuredOutputs: true,
});
// end

// The SDK repeats failed requests by default; a run that failed is not run again.
const settings = { maxRetries: 0 };

function capabilities(part, provider, wrongProvider) {
  const model = provider(MODEL);

  async function stream(prompt, name = MODEL) {
    const pieces = [];
    // An error is a part of the stream, which an application receives in `onError`.
    for await (const part of streamText({ model: provider(name), prompt, onError() {}, ...settings }).fullStream) {
      if (part.type === "text-delta") pieces.push(part.text);
      if (part.type === "error") throw part.error;
    }
    return pieces;
  }

  async function tools(perform, capability) {
    const calls = [];
    const weather = tool({
      description: TOOL_DESCRIPTION,
      inputSchema: z.object({ city: z.string() }),
      execute: async (input) => {
        calls.push([TOOL_NAME, input]);
        return WEATHER;
      },
    });
    const prompt = `${part}: ${capability}`;
    const result = await perform({
      model,
      tools: { [TOOL_NAME]: weather },
      prompt,
      stopWhen: stepCountIs(3),
      ...settings,
    });
    return { answer: await result.text, calls };
  }

  return {
    chat: async () => (await generateText({ model, prompt: `${part}: chat`, ...settings })).text,
    stream: () => stream(`${part}: stream`),
    tools: () => tools(generateText, "tools"),
    stream_tools: () => tools(streamText, "stream_tools"),
    agent_tools: () => stream(`${part}: agent_tools`, TOOL_AGENT),
    structured: async () => {
      const schema = z.object({ answer: z.number() });
      return (await generateObject({ model, schema, prompt: `${part}: structured`, ...settings })).object;
    },
    ...images(async (capability, kind) => {
      const content = [
        { type: "text", text: `${part}: ${capability}` },
        { type: "image", image: IMAGE, mediaType: "image/png" },
      ];
      const messages = [{ role: "user", content }];
      return (await generateText({ model: provider(MODELS[kind]), messages, ...settings })).text;
    }),
    conversation: async () => {
      const messages = [{ role: "user", content: `${part}: earlier turn` }];
      const { response } = await generateText({ model, messages, ...settings });
      messages.push(...response.messages, { role: "user", content: `${part}: conversation` });
      return (await generateText({ model, messages, ...settings })).text;
    },
    wrong_key: () => errorOf(() => generateText({ model: wrongProvider(MODEL), prompt: "x", ...settings })),
    unknown_model: () => errorOf(() => generateText({ model: provider(MISSING_MODEL), prompt: "x", ...settings })),
    failed_run: () => errorOf(() => generateText({ model, prompt: REFUSED, ...settings })),
    failed_stream: () => errorOf(() => stream(BROKEN)),
  };
}

const wrong = { baseURL: `${URL}/v1`, apiKey: WRONG_KEY };
await report({
  responses: capabilities("responses", openai, createOpenAI(wrong)),
  chat: capabilities("chat", headrace, createOpenAICompatible({ name: "headrace", ...wrong })),
});
