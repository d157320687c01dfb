export type Element = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
};

/** Characters that XML 1.0 allows (production Char). */
const allowed = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const names: Readonly<Record<string, string>> = {amp: '&', lt: '<', gt: '>', quot: '"', apos: "'"};

/** XML 1.0 without document types, sections, comments and instructions; throws where it is not well-formed. */
export function parseXml(text: string): Element {
  if (!allowed.test(text)) throw new Error('a character that XML has not');
  const top: Element = {name: '', attributes: {}, children: [], text: ''};
  const open = [top];
  const token = /<\/([\w-]+)\s*>|<([\w-]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;
  token.lastIndex = /^<\?xml version="1\.0"[^>]*\?>/.exec(text)?.[0].length ?? 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const found = token.exec(text);
    const inner = open.at(-1);
    if (found === null || inner === undefined) throw new Error(`not XML: ${text.slice(at, at + 40)}`);
    const [, end, name, attributes = '', empty, words] = found;
    if (words !== undefined) addText(inner, words);
    else if (end !== undefined) {
      if (inner.name !== end || open.length < 2) throw new Error(`${end} ends, but ${inner.name} is open`);
      open.pop();
    } else if (name !== undefined) {
      const element = {name, attributes: attributesOf(attributes), children: [], text: ''};
      inner.children.push(element);
      if (empty === '') open.push(element);
    }
  }
  const [root, ...more] = top.children;
  if (open.length > 1 || root === undefined || more.length > 0) throw new Error('not one whole element');
  if (top.text.trim() !== '') throw new Error('words beside the element');
  return root;
}

function addText(element: Element, words: string): void {
  if (words.includes(']]>')) throw new Error('the end of a section that never began');
  element.text += resolved(words);
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([\w-]+)="([^"]*)"/g)) {
    if (name in attributes) throw new Error(`the attribute ${name} twice`);
    attributes[name] = resolved(value);
  }
  return attributes;
}

function resolved(text: string): string {
  return text.replace(/&(?:(\w+);)?/g, (_, name: string | undefined) => {
    const char = name === undefined ? undefined : names[name];
    if (char === undefined) throw new Error('an ampersand that begins no entity');
    return char;
  });
}
