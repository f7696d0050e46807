// OpenAI's SDK for JavaScript.

import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  BROKEN,
  errorOf,
  images,
  IMAGE_URL,
  KEY,
  MISSING_MODEL,
  MODEL,
  MODELS,
  REFUSED,
  report,
  TOOL_AGENT,
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

async function chatStream(text, model = MODEL) {
  const pieces = [];
  const chunks = await client.chat.completions.create({ model, messages: [user(text)], stream: true });
  for await (const chunk of chunks) pieces.push(chunk.choices[0]?.delta.content ?? "");
  return pieces;
}

const streamedChat = (messages, options) =>
  client.chat.completions.stream({ model: MODEL, messages, ...options }).finalMessage();

async function chatTools(capability, chat) {
  const called = { name: TOOL_NAME, description: TOOL_DESCRIPTION, parameters: TOOL_PARAMETERS, strict: true };
  const options = { tools: [{ type: "function", function: called }] };
  const question = user(`chat: ${capability}`);
  const message = await chat([question], options);
  const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: WEATHER }));
  return {
    calls: message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
    answer: (await chat([question, message, ...results], options)).content,
  };
}

const chatCapabilities = {
  models: async () => {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return names;
  },
  chat: async () => (await chat([user("chat: chat")])).content,
  stream: () => chatStream("chat: stream"),
  tools: () => chatTools("tools", chat),
  stream_tools: () => chatTools("stream_tools", streamedChat),
  agent_tools: () => chatStream("chat: agent_tools", TOOL_AGENT),
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
  failed_run: () => errorOf(() => chat([user(REFUSED)])),
  failed_stream: () => errorOf(() => chatStream(BROKEN)),
};

const respond = (input, options = {}) => client.responses.create({ model: MODEL, input, ...options });

const streamedResponse = (input, options) =>
  client.responses.stream({ model: MODEL, input, ...options }).finalResponse();

async function responsesStream(text, model = MODEL) {
  const pieces = [];
  for await (const event of await client.responses.create({ model, input: text, stream: true })) {
    if (event.type === "response.output_text.delta") pieces.push(event.delta);
  }
  return pieces;
}

/** Return the event of a response that failed. The SDK throws no error for it. */
async function failedResponse() {
  let last;
  for await (const event of await respond(BROKEN, { stream: true })) last = event;
  return { type: `event ${last.type}`, text: last.response.error.message };
}

async function responsesTools(capability, respond) {
  const called = { name: TOOL_NAME, description: TOOL_DESCRIPTION, parameters: TOOL_PARAMETERS, strict: true };
  const tools = [{ type: "function", ...called }];
  const first = await respond(`responses: ${capability}`, { tools });
  const calls = first.output.filter((item) => item.type === "function_call");
  const results = calls.map((call) => ({ type: "function_call_output", call_id: call.call_id, output: WEATHER }));
  return {
    calls: calls.map((call) => [call.name, JSON.parse(call.arguments)]),
    answer: (await respond(results, { tools, previous_response_id: first.id })).output_text,
  };
}

const responsesCapabilities = {
  models: async () => [(await client.models.retrieve(MODEL)).id],
  chat: async () => (await respond("responses: chat")).output_text,
  stream: () => responsesStream("responses: stream"),
  tools: () => responsesTools("tools", respond),
  stream_tools: () => responsesTools("stream_tools", streamedResponse),
  agent_tools: () => responsesStream("responses: agent_tools", TOOL_AGENT),
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
  failed_run: () => errorOf(() => respond(REFUSED)),
  failed_stream: failedResponse,
};

await report({ chat: chatCapabilities, responses: responsesCapabilities });
