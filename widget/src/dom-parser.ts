// strophe.js parses what it receives with DOMParser, whose input is a sink of Trusted Types also where it makes XML,
// which runs nothing. In the bundle this class stands in the place of the global one (strophe-lean.mjs), so that a page with
// `require-trusted-types-for 'script'` can have the widget without a default policy of its own.

interface Policy { createHTML(text: string): string }
interface Policies { createPolicy(name: string, rules: Policy): Policy }

let policy: Policy | undefined;

/** What a sink takes: text that went through the policy `usher`, or, where there are no policies or ours isn't allowed, the text. */
function trusted(text: string): string {
  if (!policy) {
    const rules: Policy = { createHTML: (s) => s };
    try {
      policy = (globalThis as { trustedTypes?: Policies }).trustedTypes?.createPolicy('usher', rules) ?? rules;
    } catch {
      policy = rules; // the page's CSP names the policies it allows, and ours isn't among them
    }
  }
  return policy.createHTML(text);
}

class XMLParser {
  /** Only XML: stanzas, and a site's logo, which the gateway has cleaned. */
  parseFromString(text: string, _type: 'text/xml' | 'application/xml'): Document {
    return new globalThis.DOMParser().parseFromString(trusted(text), 'text/xml');
  }
}

export { XMLParser as DOMParser };
