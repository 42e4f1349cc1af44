/**
 * What the official JavaScript client makes of a Bitrix24 portal: `node bitrix24-client.mjs '<JSON>'`, with the fields
 * `auth` (B24OAuthParams) and `secret` (B24OAuthSecret). Prints one JSON object; tests/adapters/test_bitrix24_sandbox_clients.py
 * starts it.
 */
import { B24OAuth } from "@bitrix24/b24jssdk";

const given = JSON.parse(process.argv[2] ?? "{}");
const client = new B24OAuth(given.auth, given.secret);
client.offClientSideWarning();
const renewed = [];
client.setCallbackRefreshAuth(async ({ authData }) => {
  renewed.push(authData.access_token);
});

/** The result of one method, or its error's code. */
async function call(method, params = {}) {
  try {
    const answer = await client.actions.v2.call.make({ method, params, requestId: method });
    return answer.isSuccess ? answer.getData().result : { errors: answer.getErrorMessages() };
  } catch (error) {
    return { code: error.code, status: error.status, description: error.message };
  }
}

async function list() {
  const ids = [];
  const pages = client.actions.v2.fetchList.make({
    method: "crm.item.list",
    params: { entityTypeId: 3, select: ["id"] },
    idKey: "id",
    customKeyForResult: "items",
    requestId: "list",
  });
  for await (const page of pages) ids.push(...page.map((each) => each.id));
  return ids;
}

async function batch() {
  const calls = {
    reg: {
      method: "telephony.externalCall.register",
      params: { USER_ID: 14, PHONE_NUMBER: "+79161234567", TYPE: 2, SHOW: 0, EXTERNAL_CALL_ID: "js-1" },
    },
    fin: {
      method: "telephony.externalCall.finish",
      params: { CALL_ID: "$result[reg][CALL_ID]", USER_ID: 14, DURATION: 12, ADD_TO_CHAT: 0 },
    },
    bad: { method: "no.such.method", params: {} },
  };
  const answer = await client.actions.v2.batch.make({
    calls,
    options: { isHaltOnError: false, returnAjaxResult: true, requestId: "batch" },
  });
  const data = answer.getData();
  const parts = {};
  for (const [name, part] of Object.entries(data)) {
    parts[name] = part.isSuccess ? part.getData().result : { errors: part.getErrorMessages() };
  }
  return { parts, errors: answer.getErrorMessages() };
}

const together = await Promise.all([call("profile"), call("server.time"), call("user.current")]);
const results = {
  profile: together[0],
  time: together[1],
  renewed: renewed.length,
  contacts: (await list()).length,
  batch: await batch(),
  missing: await call("crm.contact.get", { id: 999999 }),
  unknown: await call("no.such.method"),
};
process.stdout.write(JSON.stringify(results));
process.exit(0);
