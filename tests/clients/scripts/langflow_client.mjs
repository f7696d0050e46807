// Langflow's client for JavaScript.

import { BROKEN, errorOf, FLOWS, IMAGE, images, KEY, MISSING_MODEL, REFUSED, report, TOOL_AGENT, URL, WRONG_KEY } from "./support.mjs";

// set-up
import { LangflowClient } from "@datastax/langflow-client";

const client = new LangflowClient({ baseUrl: URL, apiKey: KEY });
// end

const wrongClient = new LangflowClient({ baseUrl: URL, apiKey: WRONG_KEY });
const flow = client.flow(FLOWS.openai);
const note = (name) => new File([`The mill stands at the river (${name}).`], `${name}.txt`, { type: "text/plain" });
const withFile = (path) => ({ tweaks: { "ChatInput-a": { files: path } } });

async function stream(streamed, text) {
  const pieces = [];
  let end;
  for await (const { event, data } of await streamed.stream(text)) {
    if (event === "token") pieces.push(data.chunk);
    if (event === "error") return { type: "event error", text: data.error };
    if (event === "end") end = data.result.outputs[0].outputs[0].results.message.text;
  }
  return { pieces, end };
}

await report({
  run: {
    run: async () => (await flow.run("run: run")).chatOutputText(),
    stream: () => stream(flow, "run: stream"),
    agent_tools: () => stream(client.flow(TOOL_AGENT), "run: agent_tools"),
    session: async () => {
      const agent = client.flow(FLOWS.agent);
      const { sessionId } = await agent.run("run: earlier turn", { session_id: "the session of the client" });
      const response = await agent.run("run: session", { session_id: sessionId });
      return { session: response.sessionId, answer: response.chatOutputText() };
    },
    tweaks: async () => (await flow.tweak("Model-m", { temperature: 0.25 }).run("run: tweaks")).chatOutputText(),
    flow_file: async () => {
      const { filePath } = await flow.uploadFile(note("flow file"));
      return (await flow.run("run: flow_file", withFile(filePath))).chatOutputText();
    },
    user_file: async () => {
      const { id, path } = await client.files.upload(note("user file"));
      const listed = (await client.files.list()).some((file) => file.id === id);
      return { listed, answer: (await flow.run("run: user_file", withFile(path))).chatOutputText() };
    },
    ...images(async (capability, name) => {
      const imageFlow = client.flow(FLOWS[name]);
      const { filePath } = await imageFlow.uploadFile(new File([IMAGE], "mill.png", { type: "image/png" }));
      return (await imageFlow.run(`run: ${capability}`, withFile(filePath))).chatOutputText();
    }),
    wrong_key: () => errorOf(() => wrongClient.flow(FLOWS.openai).run("x")),
    unknown_flow: () => errorOf(() => client.flow(MISSING_MODEL).run("x")),
    failed_run: () => errorOf(() => flow.run(REFUSED)),
    failed_stream: () => stream(flow, BROKEN),
  },
});
