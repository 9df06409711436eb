// VS Code's workbench in a headless Chromium, by what its user presses and sees.
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.RINGSIDE_NODE_MODULES, 'package.json'));
const { chromium } = require('playwright-core');

const PATIENCE = 60000 * Number(process.env.RINGSIDE_TEST_TIMEOUT_FACTOR ?? 1);

export class Workbench {
    // Opens a folder, with one of its files in the editor and the cursor on a line of it.
    static async open(server, folder, file, line) {
        const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        page.setDefaultTimeout(PATIENCE);
        const { host, searchParams } = new URL(server);
        const opened = `vscode-remote://${host}${file}:${line}:1`;
        const query = new URLSearchParams({ tkn: searchParams.get('tkn'), folder,
                                            payload: JSON.stringify([['gotoLineMode', 'true'], ['openFile', opened]]) });
        await page.goto(`http://${host}/?${query}`);
        const workbench = new Workbench(browser, page);
        await workbench.cursorAt(line);
        return workbench;
    }

    constructor(browser, page) {
        this.browser = browser;
        this.page = page;
        this.patience = PATIENCE;
    }

    // The status bar shows where the cursor is.
    async cursorAt(line) {
        await this.page.locator('.statusbar-item', { hasText: `Ln ${line}, Col` }).waitFor();
    }

    async press(keys) {
        await this.page.keyboard.press(keys);
    }

    // An extension that the folder brings: VS Code recommends it. The page about it, which VS Code opens, is closed again.
    async installExtensionOfTheFolder(name) {
        await this.press('Control+Shift+X');
        await this.page.locator('.extension-list-item', { hasText: name }).getByText('Install Workspace Extension').click();
        const tab = this.page.locator('.tab', { hasText: `Extension: ${name}` });
        await this.page.locator('.extension-editor .action-label', { hasText: 'Uninstall' }).waitFor();
        await tab.hover();
        await tab.locator('.codicon-close').click();
    }

    // A click beside the line with the cursor. VS Code shows a hint there once its extensions have said which files can have
    // breakpoints, and when the mouse moves.
    async setBreakpoint() {
        const number = await this.page.locator('.active-line-number').boundingBox();
        const hint = this.page.locator('.codicon-debug-hint');
        for (let shown = false; !shown; shown = await hint.waitFor({ timeout: 500 }).then(() => true, () => false)) {
            await this.page.mouse.move(number.x + number.width + 200, number.y);
            await this.page.mouse.move(number.x - 10, number.y + number.height / 2);
        }
        await hint.click();
        await this.page.locator('.codicon-debug-breakpoint').first().waitFor();
    }

    async pressButton(name) {
        await this.page.getByRole('button', { name: new RegExp(`^${name}( \\(|$)`) }).click();
    }

    // Resolves once the debug console shows this answer.
    async enterInDebugConsole(text, answer) {
        await this.press('Control+Shift+Y');
        await this.page.locator('.repl-input-wrapper .monaco-editor.focused').waitFor();
        await this.page.keyboard.type(text);
        await this.press('Enter');
        await this.page.locator('.repl .monaco-list-row', { hasText: answer }).waitFor();
    }

    // Resolves once a notification begins with this text; then dismisses it.
    async notifies(text) {
        const message = this.page.locator('.notification-toast', { hasText: text });
        await message.waitFor();
        await message.hover();
        await message.locator('.codicon-notifications-clear').click();
    }

    // Resolves once the top frame of the call stack is this function, at this line if one is given.
    async stoppedIn(name, line = '\\d+') {
        await this.frame(0, name).filter({ has: this.page.locator('.line-number', { hasText: new RegExp(`^${line}(:|$)`) }) }).waitFor();
    }

    // Resolves once the call stack begins with these functions. VS Code asks for the others after the first.
    async hasStack(...names) {
        for (const [index, name] of names.entries())
            await this.frame(index, name).waitFor();
    }

    // A row of the call stack, if it is this function's; some adapters show scopes and arguments' types, too.
    frame(index, name) {
        return this.page.locator(`.debug-call-stack .monaco-list-row[data-index="${index}"] .stack-frame`)
            .filter({ has: this.page.locator('.label', { hasText: new RegExp(`^(::)?${name}\\b`) }) });
    }

    // Resolves once the variables' view shows this value for a name.
    async shows(name, value) {
        await this.page.locator('.debug-variables .monaco-list-row', { hasText: new RegExp(`^${name}: *${value}$`) }).waitFor();
    }

    // Without the folders of breakpoints, which are those of the machine.
    async picture(file) {
        await this.page.addStyleTag({ content: '.debug-breakpoints .file-path { visibility: hidden; }' });
        await this.page.screenshot({ path: file });
    }

    async close() {
        await this.browser.close();
    }
}
