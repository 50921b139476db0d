import type { Browser, BrowserContextOptions, ConsoleMessage, Page } from 'playwright-core';

/** Somebody with a browser of their own, and everything that went wrong in it. */
export interface Person {
  readonly page: Page;
  /** Errors of scripts, of the console (violations of the content policy among them), and failed requests. */
  readonly complaints: readonly string[];
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('requestfailed', (request) => complaints.push(`request: ${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`response: ${response.status()} ${response.url()}`);
  });
  page.on('console', (message: ConsoleMessage) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  await page.exposeFunction('reportViolation', (text: string) => complaints.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const page = globalThis as unknown as { reportViolation(text: string): void };
      page.reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  return { page, complaints };
}

export async function signUp(page: Page, username: string, password: string, repeat = password): Promise<void> {
  await page.getByRole('tab', { name: 'Sign up' }).click();
  const panel = page.getByRole('tabpanel', { name: 'Sign up' });
  await panel.getByLabel('Username').fill(username);
  await panel.getByLabel('Password', { exact: true }).fill(password);
  await panel.getByLabel('Repeat the password').fill(repeat);
  await panel.getByRole('button', { name: 'Sign up' }).click();
}

export async function logIn(page: Page, username: string, password: string): Promise<void> {
  await page.getByRole('tab', { name: 'Log in' }).click();
  const panel = page.getByRole('tabpanel', { name: 'Log in' });
  await panel.getByLabel('Username').fill(username);
  await panel.getByLabel('Password', { exact: true }).fill(password);
  await panel.getByRole('button', { name: 'Log in' }).click();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** What somebody without eyes, or with weak ones, would stumble over. Looks at what is visible now. */
export function accessibilityProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const problems: string[] = [];
    const isVisible = (element: Element): boolean => element.checkVisibility({ visibilityProperty: true });
    const seen = [...document.querySelectorAll<HTMLElement>('body *')].filter(isVisible);
    const nameOf = (element: HTMLElement): string =>
      element.getAttribute('aria-label') ?? element.textContent?.trim() ?? '';

    if (document.documentElement.lang === '') problems.push('no language');
    if (document.title === '') problems.push('no title');
    if (seen.filter((element) => element.tagName === 'H1').length !== 1) problems.push('not one h1');
    if (seen.filter((element) => element.tagName === 'MAIN').length !== 1) problems.push('not one main');
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`id twice: ${id}`);
    for (const element of document.querySelectorAll('[aria-labelledby], [aria-describedby], [aria-controls]')) {
      for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls']) {
        for (const id of (element.getAttribute(attribute) ?? '').split(' ').filter(Boolean)) {
          if (document.getElementById(id) === null) problems.push(`${attribute} leads nowhere: ${id}`);
        }
      }
    }
    for (const element of seen) {
      if (element instanceof HTMLInputElement && (element.labels?.length ?? 0) === 0)
        problems.push(`no label: ${element.id}`);
      if (element instanceof HTMLButtonElement && nameOf(element) === '') problems.push(`no name: ${element.id}`);
      if (element instanceof HTMLImageElement && !element.hasAttribute('alt')) problems.push(`no alt: ${element.src}`);
    }

    // Contrast, WCAG 2.2 (1.4.3).
    const parse = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = ([r = 0, g = 0, b = 0]: number[]): number => {
      const [x = 0, y = 0, z = 0] = [r, g, b].map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const backgroundOf = (element: Element | null): number[] => {
      for (let at = element; at !== null; at = at.parentElement) {
        const color = parse(getComputedStyle(at).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255];
    };
    for (const element of seen) {
      const hasText = [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim(),
      );
      if (!hasText || element.classList.contains('visually-hidden') || element.closest(':disabled') !== null) continue;
      const text = luminance(parse(getComputedStyle(element).color));
      const behind = luminance(backgroundOf(element));
      const ratio = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
      if (ratio < 4.5) problems.push(`contrast ${ratio.toFixed(1)}: ${nameOf(element).slice(0, 30)}`);
    }
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth) problems.push('scrolls sideways');
    return problems;
  });
}
