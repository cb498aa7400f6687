// Each script alone, in a folder of the reader's own.

import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ANSWER, HOST, folder, killAll, run, runtime, scripts, serve } from './run.ts';

afterEach(killAll);

const folders: [string, string | null][] = [
  ['empty', null],
  ['made by npm init -y', '{ "name": "mine", "version": "1.0.0", "type": "commonjs" }'],
  ['with "type": "module"', '{ "name": "mine", "version": "1.0.0", "type": "module" }'],
];

// Plain Node reads a .ts file under "type": "commonjs" as CommonJS, and so knows no import in it.
if (runtime === 'node') folders.splice(1, 1);

test.each(folders)('the scripts do the same in a folder that is %s', async (_, packageJson) => {
  const place = folder();
  if (packageJson) fs.writeFileSync(path.join(place, 'package.json'), packageJson);
  const copy = (script: string) => {
    const file = path.join(place, script);
    fs.copyFileSync(path.join(scripts, script), file);
    return file;
  };
  const client = copy('02-udp-client.ts');

  const once = await serve(copy('01-udp-server.ts'));
  expect(await run(client)).toMatchObject({ status: 0, stdout: `${ANSWER}\n`, stderr: '' });
  expect(await once.ended).toMatchObject({
    status: 0,
    stdout:
      'Starting server.........\n<Buffer 49 20 6c 6f 76 65 20 6a 69 6e 67 6a 69 6e 67>\n' +
      'Buffer\nstring\nI love jingjing\nEnding server........\n',
    stderr: '',
  });

  const looping = await serve(copy('03-looping-udp-server.ts'));
  const answers = await Promise.all([run(client), run(client), run(client)]);
  for (const answer of answers) expect(answer).toMatchObject({ status: 0, stdout: `${ANSWER}\n`, stderr: '' });
  expect(looping).toMatchObject({
    stdout: `Starting server.........\n${'I love jingjing\n'.repeat(3)}`,
    stderr: '',
  });

  const tcp = await serve(copy('04-tcp-server.ts'));
  const { status, stdout, stderr } = await run(copy('05-tcp-client.ts'));
  expect(stdout).toMatch(new RegExp(`^Received msg: I love wangxiaojing from \\('${HOST}', \\d+\\)\n$`));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(tcp).toMatchObject({ stdout: `Starting tcp server.......\n${stdout}`, stderr: '' });
});
