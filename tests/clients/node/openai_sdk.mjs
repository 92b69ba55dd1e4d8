// The official openai package: chat completions and responses.
import OpenAI from "openai";
import { KEY, PROMPT, TOOL_PROMPT, URL, VERDICT, WEATHER, refused, report } from "./report.mjs";

const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, maxRetries: 0 });

function chat(model) {
  const asked = [{ role: "user", content: PROMPT }];
  const tools = [{ type: "function", function: { name: "get_weather", parameters: WEATHER } }];
  const schema = { type: "json_schema", json_schema: { name: "verdict", strict: true, schema: VERDICT } };
  return {
    chat: async () => (await client.chat.completions.create({ model, messages: asked })).choices[0].message.content,
    stream: async () => {
      let text = "";
      const stream = await client.chat.completions.create({ model, messages: asked, stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
      return text;
    },
    tools: async () => {
      const messages = [{ role: "user", content: TOOL_PROMPT }];
      const first = (await client.chat.completions.create({ model, messages, tools })).choices[0].message;
      const calls = first.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
      const results = first.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "sunny" }));
      const history = [...messages, first, ...results];
      const second = await client.chat.completions.create({ model, messages: history, tools });
      return { calls, answer: second.choices[0].message.content };
    },
    structured: async () =>
      (await client.chat.completions.parse({ model, messages: asked, response_format: schema })).choices[0].message
        .content && JSON.parse(
        (await client.chat.completions.create({ model, messages: asked, response_format: schema })).choices[0].message
          .content,
      ),
    "revoked key": () =>
      refused(
        (apiKey) => client.withOptions({ apiKey }).chat.completions.create({ model, messages: asked }),
        OpenAI.AuthenticationError,
      ),
  };
}

function responses(model) {
  const tools = [{ type: "function", name: "get_weather", parameters: WEATHER, strict: false }];
  const format = { type: "json_schema", name: "verdict", strict: true, schema: VERDICT };
  return {
    chat: async () => (await client.responses.create({ model, input: PROMPT })).output_text,
    stream: async () => {
      const stream = client.responses.stream({ model, input: PROMPT });
      return (await stream.finalResponse()).output_text;
    },
    tools: async () => {
      const input = [{ role: "user", content: TOOL_PROMPT }];
      const first = await client.responses.create({ model, input, tools });
      const made = first.output.filter((item) => item.type === "function_call");
      const results = made.map((item) => ({ type: "function_call_output", call_id: item.call_id, output: "sunny" }));
      const second = await client.responses.create({ model, input: [...input, ...first.output, ...results], tools });
      return { calls: made.map((item) => [item.name, JSON.parse(item.arguments)]), answer: second.output_text };
    },
    structured: async () =>
      JSON.parse((await client.responses.create({ model, input: PROMPT, text: { format } })).output_text),
    "revoked key": () =>
      refused(
        (apiKey) => client.withOptions({ apiKey }).responses.create({ model, input: PROMPT }),
        OpenAI.AuthenticationError,
      ),
  };
}

await report({ "chat completions": chat, responses });
