// Ringside's debug adapter for VS Code and other editors: cdt-gdb-adapter, and the requests of the buttons that go back.
'use strict';

// Without its packages it can only say so: editors show the answer to their first request, if it is an error.
function refuse() {
    const message = `Ringside's debug adapter needs packages from npm: npm install --ignore-scripts --prefix ${__dirname}`;
    const answer = JSON.stringify({ seq: 1, type: 'response', request_seq: 1, command: 'initialize', success: false, message });
    process.stdin.once('data', () => process.stdout.write(`Content-Length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`));
}

function loaded() {
    try {
        return { ...require('@vscode/debugadapter'), ...require('cdt-gdb-adapter') };
    } catch (error) {
        if (error.code !== 'MODULE_NOT_FOUND')
            throw error;
        refuse();
        return undefined;
    }
}

const packages = loaded();
if (!packages)
    return;
const { CapabilitiesEvent, GDBTargetDebugSession, OutputEvent, logger } = packages;

const AT_THE_BEGINNING = 'The recording begins here: there is nothing before it.';
const IN_THE_CONSOLE = 'In the debug console, commands of gdb begin with ">".';
// gdb's words for such a stop. Version 13 gives no reason for it in its machine interface.
const NO_HISTORY = 'No more reverse-execution history';

class RingsideSession extends GDBTargetDebugSession {
    said = '';

    async setupCommonLoggerAndBackends(args, auxiliary) {
        await super.setupCommonLoggerAndBackends(args, auxiliary);
        if (!auxiliary)
            this.gdb.on('consoleStreamOutput', (text, stream) => { this.said += stream === 'stdout' && this.goingBack ? text : ''; });
    }

    // gdb is connected, and knows whether the target can go back: Ringside can, unless it cannot record this machine. Editors
    // look at the capabilities when the guest stops.
    async sendInitializedEvent() {
        const { features } = await this.gdb.sendCommand('-list-target-features').catch(() => ({}));
        if (features?.includes('reverse'))
            this.sendEvent(new CapabilitiesEvent({ supportsStepBack: true }));
        super.sendInitializedEvent();
    }

    async stepBackRequest(response, { threadId, granularity }) {
        await this.answer(response, granularity === 'instruction' ? '-exec-step-instruction' : '-exec-next', threadId);
    }

    async reverseContinueRequest(response, { threadId }) {
        await this.answer(response, '-exec-continue', threadId);
    }

    async answer(response, command, threadId) {
        try {
            await this.goBack(`${command} --thread ${threadId} --reverse`);
            this.sendResponse(response);
        } catch (error) {
            this.sendErrorResponse(response, 1, error.message);
        }
    }

    // `goingBack` is the command that goes back, until its stop. `said` is what gdb and the target have printed since its start.
    async goBack(command) {
        this.goingBack = command;
        this.said = '';
        try {
            await this.gdb.sendCommand(command);
        } catch (error) {
            this.goingBack = undefined;
            throw error;
        }
    }

    handleGDBStopped(result) {
        const command = this.goingBack;
        this.goingBack = undefined;
        const logged = this.logPointMessages[result.bkptno];
        if (command && logged) {  // the base class would go on forwards
            this.sendEvent(new OutputEvent(logged));
            this.goBack(command).catch((error) => logger.error(error.message));
            return;
        }
        const noFurther = command && (result.reason ?? 'no-history') === 'no-history';
        super.handleGDBStopped(noFurther ? { ...result, reason: 'end-stepping-range' } : result);
        if (noFurther)
            this.sendEvent(new OutputEvent(`${this.whyNoFurther()}\n`, 'important'));
    }

    // The target's reason, if it gives one: Ringside does when nothing is recorded.
    whyNoFurther() {
        const reason = this.said.split(NO_HISTORY)[0].trim();
        return reason ? `${reason} ${IN_THE_CONSOLE}` : AT_THE_BEGINNING;
    }
}

process.on('uncaughtException', (error) => logger.error(error.stack));
RingsideSession.run(RingsideSession);
