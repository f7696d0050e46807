// Lists and calls tools with the official SDK for JavaScript: mcp_javascript.mjs TRANSPORT URL API_KEY TOOL
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [transport, url, key, tool] = process.argv.slice(2);
const options = { requestInit: { headers: { "x-api-key": key } } };
const Transport = transport === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
const client = new Client({ name: "tests", version: "1" });
try {
  await client.connect(new Transport(new URL(url), options));
  const { tools } = await client.listTools();
  const result = await client.callTool({ name: tool, arguments: { input_value: "from JavaScript" } });
  console.log(JSON.stringify({ tools: tools.map((t) => t.name), result: result.structuredContent.result }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
} finally {
  await client.close();
}
