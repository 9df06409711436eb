// node run.mjs ADAPTER SCENARIO: exit status 0 if it went well, 77 and the name of a capability if the adapter lacks it, 75
// if the adapter lost a race of its own and its user would try again.
// Without arguments: the scenarios' names.
import { readFileSync } from 'node:fs';
import { scenarios } from './scenarios.mjs';
import { Guest, Session } from './session.mjs';

const [adapter, name] = process.argv.slice(2);
if (!name) {
    console.log(Object.keys(scenarios).join('\n'));
    process.exit(0);
}

class Lacking extends Error {}

const guests = [];
const sessions = [new Session(adapter)];
const test = {
    session: sessions[0],
    guest(kernel, options) {
        guests.push(new Guest(kernel, options));
        return guests.at(-1);
    },
    async needs(capability) {
        await sessions[0].start();
        if (!sessions[0].capabilities[capability])
            throw new Lacking(capability);
    },
    another() {
        sessions.push(new Session(adapter));
        return sessions.at(-1);
    },
    lineOf(source, text) {
        return readFileSync(source, 'utf8').split('\n').findIndex((line) => line.includes(text)) + 1;
    },
    // Resolves once the adapter has printed something that matches.
    output(pattern) {
        let text = '';
        return new Promise((resolve) => sessions[0].client.on('output', ({ body }) => {
            text += body.output;
            if (pattern.test(text))
                resolve(text);
        }));
    },
};

let status = 0;
const said = [];
for (const event of ['output', 'stopped', 'terminated', 'exited'])
    sessions[0].client.on(event, (message) => said.push(`${event} ${JSON.stringify(message.body)}`));
try {
    await scenarios[name](test);
} catch (error) {
    if (error instanceof Lacking) {
        console.log(error.message);
        process.exit(77);
    }
    // lldb-dap 19 looks at the process before its connection has reported the first stop.
    if (/process unloaded during launch or attach/.test(error.message))
        process.exit(75);
    console.error(error);
    console.error(said.join('\n'));
    console.error(guests.map((guest) => guest.errors).join('\n'));
    status = 1;
}
for (const session of sessions)
    await session.close();
for (const guest of guests)
    guest.close();
process.exit(status);
