// The official @anthropic-ai/sdk package.
import Anthropic from "@anthropic-ai/sdk";
import { KEY, PROMPT, TOOL_PROMPT, URL, VERDICT, WEATHER, refused, report } from "./report.mjs";

const client = new Anthropic({ baseURL: URL, apiKey: KEY, maxRetries: 0 });
const words = (message) => message.content.map((block) => block.text ?? "").join("");

function messages(model) {
  const ask = { model, max_tokens: 500, messages: [{ role: "user", content: PROMPT }] };
  const tools = [{ name: "get_weather", input_schema: WEATHER }];
  return {
    chat: async () => words(await client.messages.create(ask)),
    stream: async () => words(await client.messages.stream(ask).finalMessage()),
    tools: async () => {
      const asked = [{ role: "user", content: TOOL_PROMPT }];
      const first = await client.messages.create({ ...ask, messages: asked, tools });
      const uses = first.content.filter((block) => block.type === "tool_use");
      const results = uses.map((use) => ({ type: "tool_result", tool_use_id: use.id, content: "sunny" }));
      const history = [...asked, { role: "assistant", content: first.content }, { role: "user", content: results }];
      const second = await client.messages.create({ ...ask, messages: history, tools });
      return { calls: uses.map((use) => [use.name, use.input]), answer: words(second) };
    },
    structured: async () => {
      const output_config = { format: { type: "json_schema", schema: VERDICT } };
      return JSON.parse(words(await client.messages.create({ ...ask, output_config })));
    },
    usage: async () => (await client.messages.stream(ask).finalMessage()).usage.output_tokens,
    "revoked key": () =>
      refused((apiKey) => client.withOptions({ apiKey }).messages.create(ask), Anthropic.AuthenticationError),
  };
}

await report({ messages });
