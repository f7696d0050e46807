// OpenAI's SDK for JavaScript.

import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  errorOf,
  images,
  IMAGE_URL,
  KEY,
  MISSING_MODEL,
  MODEL,
  MODELS,
  report,
  TOOL_DESCRIPTION,
  TOOL_NAME,
  TOOL_PARAMETERS,
  URL,
  WEATHER,
  WRONG_KEY,
} from "./support.mjs";

// set-up
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY });
// end

const wrongClient = new OpenAI({ baseURL: `${URL}/v1`, apiKey: WRONG_KEY });
const Answer = z.object({ answer: z.number() });
const user = (content) => ({ role: "user", content });

async function chat(messages, options = {}) {
  const completion = await client.chat.completions.create({ model: MODEL, messages, ...options });
  return completion.choices[0].message;
}

const chatCapabilities = {
  models: async () => {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return names;
  },
  chat: async () => (await chat([user("chat: chat")])).content,
  stream: async () => {
    const pieces = [];
    const chunks = await client.chat.completions.create({ model: MODEL, messages: [user("chat: stream")], stream: true });
    for await (const chunk of chunks) pieces.push(chunk.choices[0]?.delta.content ?? "");
    return pieces;
  },
  tools: async () => {
    const called = { name: TOOL_NAME, description: TOOL_DESCRIPTION, parameters: TOOL_PARAMETERS, strict: true };
    const options = { tools: [{ type: "function", function: called }] };
    const question = user("chat: tools");
    const message = await chat([question], options);
    const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: WEATHER }));
    return {
      calls: message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      answer: (await chat([question, message, ...results], options)).content,
    };
  },
  structured: async () => {
    const messages = [user("chat: structured")];
    const response_format = zodResponseFormat(Answer, "answer");
    const completion = await client.chat.completions.parse({ model: MODEL, messages, response_format });
    return completion.choices[0].message.parsed;
  },
  ...images(async (capability, kind) => {
    const parts = [
      { type: "text", text: `chat: ${capability}` },
      { type: "image_url", image_url: { url: IMAGE_URL } },
    ];
    const completion = await client.chat.completions.create({ model: MODELS[kind], messages: [user(parts)] });
    return completion.choices[0].message.content;
  }),
  conversation: async () => {
    const earlier = user("chat: earlier turn");
    return (await chat([earlier, await chat([earlier]), user("chat: conversation")])).content;
  },
  wrong_key: () => errorOf(() => wrongClient.chat.completions.create({ model: MODEL, messages: [user("x")] })),
  unknown_model: () => errorOf(() => client.chat.completions.create({ model: MISSING_MODEL, messages: [user("x")] })),
};

const respond = (input, options = {}) => client.responses.create({ model: MODEL, input, ...options });

const responsesCapabilities = {
  models: async () => [(await client.models.retrieve(MODEL)).id],
  chat: async () => (await respond("responses: chat")).output_text,
  stream: async () => {
    const pieces = [];
    for await (const event of await respond("responses: stream", { stream: true })) {
      if (event.type === "response.output_text.delta") pieces.push(event.delta);
    }
    return pieces;
  },
  tools: async () => {
    const called = { name: TOOL_NAME, description: TOOL_DESCRIPTION, parameters: TOOL_PARAMETERS, strict: true };
    const tools = [{ type: "function", ...called }];
    const first = await respond("responses: tools", { tools });
    const calls = first.output.filter((item) => item.type === "function_call");
    const results = calls.map((call) => ({ type: "function_call_output", call_id: call.call_id, output: WEATHER }));
    return {
      calls: calls.map((call) => [call.name, JSON.parse(call.arguments)]),
      answer: (await respond(results, { tools, previous_response_id: first.id })).output_text,
    };
  },
  structured: async () => {
    const text = { format: zodTextFormat(Answer, "answer") };
    return (await client.responses.parse({ model: MODEL, input: "responses: structured", text })).output_parsed;
  },
  ...images(async (capability, kind) => {
    const parts = [
      { type: "input_text", text: `responses: ${capability}` },
      { type: "input_image", image_url: IMAGE_URL, detail: "auto" },
    ];
    return (await client.responses.create({ model: MODELS[kind], input: [user(parts)] })).output_text;
  }),
  conversation: async () => {
    const earlier = await respond("responses: earlier turn");
    return (await respond("responses: conversation", { previous_response_id: earlier.id })).output_text;
  },
  wrong_key: () => errorOf(() => wrongClient.responses.create({ model: MODEL, input: "x" })),
  unknown_model: () => errorOf(() => client.responses.create({ model: MISSING_MODEL, input: "x" })),
};

await report({ chat: chatCapabilities, responses: responsesCapabilities });
