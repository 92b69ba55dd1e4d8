// Vercel's AI SDK over @ai-sdk/openai-compatible.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { KEY, PROMPT, TOOL_PROMPT, URL, report } from "./report.mjs";

const provider = createOpenAICompatible({
  name: "fairlead",
  baseURL: `${URL}/v1`,
  apiKey: KEY,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const verdict = z.object({ faster: z.string(), knots: z.number().int() });

function steps(route) {
  const model = provider(route);
  return {
    chat: async () => (await generateText({ model, prompt: PROMPT, maxRetries: 0 })).text,
    stream: async () => {
      let text = "";
      for await (const piece of streamText({ model, prompt: PROMPT, maxRetries: 0 }).textStream) text += piece;
      return text;
    },
    tools: async () => {
      const calls = [];
      const get_weather = tool({
        description: "Tells the weather.",
        inputSchema: z.object({ city: z.string() }),
        execute: async (input) => {
          calls.push(["get_weather", input]);
          return "sunny";
        },
      });
      const options = { model, prompt: TOOL_PROMPT, tools: { get_weather }, stopWhen: stepCountIs(3), maxRetries: 0 };
      return { calls, answer: (await generateText(options)).text };
    },
    structured: async () =>
      (await generateText({ model, prompt: PROMPT, output: Output.object({ schema: verdict }), maxRetries: 0 })).output,
    usage: async () => {
      const result = streamText({ model, prompt: PROMPT, maxRetries: 0 });
      await result.consumeStream();
      return (await result.usage).outputTokens;
    },
  };
}

await report({ "openai-compatible": steps });
