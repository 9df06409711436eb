// node session.mjs SERVER FOLDER SOURCE LINE LOCK: opens the folder in VS Code, presses F5, and goes through a session on demo64
// with a breakpoint on a line of mix(). The machine holds LOCK locked. Throws when something is not as it should be.
// With RINGSIDE_PICTURE, only takes a picture at the breakpoint.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Workbench } from './workbench.mjs';

const [server, folder, source, lineText, lock] = process.argv.slice(2);
const line = Number(lineText);
const [configuration] = JSON.parse(readFileSync(`${folder}/.vscode/launch.json`, 'utf8')).configurations;

// At the first breakpoint, in the first round that has something to mix.
async function reachBreakpoint(code) {
    if (configuration.stopOnEntry) {
        await code.stoppedIn('pvh_entry');
        await code.press('F5');
    }
    await code.stoppedIn('mix', line);
    await code.shows('sum', '0');
}

// The buttons that go back. At the second line of mix(), where nothing is recorded yet.
async function goBack(code) {
    await code.pressButton('Step Back');
    await code.notifies('Nothing is recorded: `monitor record on` starts a recording.');
    await code.stoppedIn('mix', line + 1);
    await code.enterInDebugConsole('>monitor record on', 'From here on each instruction is stepped and recorded.');
    await code.press('Shift+F11');
    await code.stoppedIn('checksum');
    await code.pressButton('Step Back');
    await code.stoppedIn('mix', line + 1);
    await code.press('F5');
    await code.stoppedIn('mix', line);
    await code.pressButton('Reverse');
    await code.notifies('The recording begins here');
    await code.stoppedIn('mix', line + 1);
}

// The machine ends with the session.
async function end(code) {
    await code.press('Shift+F5');
    await promisify(execFile)('flock', [lock, 'true'], { timeout: code.patience });
}

async function debug(code) {
    await code.setBreakpoint();
    if (configuration.type === 'ringside')
        await code.installExtensionOfTheFolder('Ringside');
    await code.press('F5');
    await reachBreakpoint(code);
    await code.hasStack('mix', 'checksum', 'report_round');
    if (process.env.RINGSIDE_PICTURE) {
        await code.picture(process.env.RINGSIDE_PICTURE);
        return;
    }
    await code.press('F10');
    await code.stoppedIn('mix', line + 1);
    if (configuration.type === 'ringside')
        await goBack(code);
    await code.press('Shift+F11');
    await code.stoppedIn('checksum');
    await code.press('F5');
    await code.stoppedIn('mix', line);
    await code.press('F5');
    await code.shows('sum', '1');

    // LLDB's adapter offers Restart, but refuses to restart what it has attached to.
    if (configuration.type === 'lldb-dap') {
        await end(code);
        await code.press('F5');
    } else {
        await code.press('Control+Shift+F5');
    }
    await reachBreakpoint(code);
}

const code = await Workbench.open(server, folder, source, line);
try {
    await debug(code);
    await end(code);
} catch (error) {
    await code.picture(process.env.RINGSIDE_FAILURE ?? `${folder}/failure.png`);
    throw error;
} finally {
    await code.close();
}
