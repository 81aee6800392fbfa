//! The official Python client of Stripe against the double: what the product is tested with behaves as the client expects.

use super::*;
use std::process::Stdio;

/// Runs a piece of Python with the client turned to the double; returns what it printed as JSON.
async fn python(double: &Double, body: &str, args: &[&str]) -> Value {
    let head = format!(
        "import json, sys, stripe\nstripe.api_base = '{}'\nstripe.api_key = '{KEY}'\nstripe.api_version = '2024-06-20'\nstripe.max_network_retries = 0\nargs = sys.argv[1:]\n",
        double.url
    );
    let mut command = tokio::process::Command::new("/usr/bin/python3");
    command.arg("-c").arg(head + body).args(args).stdin(Stdio::null());
    let out = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("{text}"))
}

const OPEN: &str = "
made = [stripe.checkout.Session.create(
    mode='payment', success_url='https://x.example/a', cancel_url='https://x.example/b', client_reference_id='pay_1',
    expires_at=1900000000, idempotency_key='one', metadata={'payment_id': 'pay_1'},
    payment_intent_data={'metadata': {'payment_id': 'pay_1'}},
    line_items=[{'quantity': 1, 'price_data': {'currency': 'eur', 'unit_amount': 5000, 'product_data': {'name': 'credit'}}}],
) for _ in range(2)]
assert made[0].id == made[1].id, 'one name, one session'
try:
    stripe.checkout.Session.create(mode='payment', no_such='x')
    raise SystemExit('an unknown parameter was taken')
except stripe.error.InvalidRequestError as error:
    assert error.code == 'parameter_unknown', error.code
print(json.dumps({'id': made[0].id, 'url': made[0].url, 'status': made[0].status}))
";

const PAID: &str = "
session = stripe.checkout.Session.retrieve(args[0], expand=['payment_intent'])
assert (session.status, session.payment_status, session.payment_intent.object) == ('complete', 'paid', 'payment_intent')
event = stripe.Webhook.construct_event(args[1].encode(), args[2], args[3], tolerance=10**9)
assert event.type == 'checkout.session.completed' and event.data.object.id == args[0]
try:
    stripe.Webhook.construct_event(args[1].encode() + b' ', args[2], args[3], tolerance=10**9)
    raise SystemExit('a changed body was taken')
except stripe.error.SignatureVerificationError:
    pass
refund = stripe.Refund.create(payment_intent=session.payment_intent.id, amount=2000, metadata={'refund_id': 'ref_1'}, idempotency_key='r1')
listed = stripe.Refund.list(payment_intent=session.payment_intent.id, limit=100)
assert [one.id for one in listed.data] == [refund.id] and stripe.Refund.retrieve(refund.id).amount == 2000
try:
    stripe.Refund.create(payment_intent=session.payment_intent.id, amount=4000)
    raise SystemExit('more than was paid was refunded')
except stripe.error.InvalidRequestError as error:
    assert error.code == 'charge_already_refunded', error.code
events = [one.id for one in stripe.Event.list(types=['checkout.session.completed'], created={'gte': 0}, limit=1).auto_paging_iter()]
lines = stripe.BalanceTransaction.list(created={'gte': 0}, limit=1, expand=['data.source']).auto_paging_iter()
lines = [(one.reporting_category, one.amount, one.net, one.source.payment_intent) for one in lines]
assert lines == [('refund', -2000, -2000, session.payment_intent.id), ('charge', 5000, 4900, session.payment_intent.id)], lines
print(json.dumps({'events': events, 'event': event.id}))
";

const SETUP: &str = "
customer = stripe.Customer.create(name='Ada', metadata={'org_id': 'org_1'}, idempotency_key='c1')
session = stripe.checkout.Session.create(
    mode='setup', customer=customer.id, payment_method_types=['card'], success_url='https://x.example/a',
    cancel_url='https://x.example/b', client_reference_id='card_1', expires_at=1900000000, metadata={'card_id': 'card_1'},
)
print(json.dumps({'customer': customer.id, 'session': session.id}))
";

const CHARGE: &str = "
session = stripe.checkout.Session.retrieve(args[1], expand=['setup_intent.payment_method'])
method = session.setup_intent.payment_method
assert (session.mode, session.status, method.card.last4) == ('setup', 'complete', args[2])
def charge(key):
    return stripe.PaymentIntent.create(
        amount=5000, currency='eur', customer=args[0], payment_method=method.id, off_session='true', confirm='true',
        metadata={'payment_id': key, 'card_id': 'card_1'}, idempotency_key=key)
if args[2] == '4242':
    one, again = charge('a'), charge('a')
    assert one.id == again.id and one.status == 'succeeded'
    listed = stripe.PaymentIntent.list(customer=args[0], created={'gte': 0}, limit=100)
    assert [row.id for row in listed.data] == [one.id] and stripe.PaymentIntent.retrieve(one.id).amount == 5000
    assert stripe.billing_portal.Session.create(customer=args[0], return_url='https://x.example/').url.startswith('https://')
    stripe.PaymentMethod.detach(method.id)
else:
    try:
        charge('b')
        raise SystemExit('a card that is declined was charged')
    except stripe.error.CardError as error:
        assert (error.http_status, error.code) == (402, 'card_declined'), error.code
print(json.dumps({'method': method.id}))
";

#[tokio::test]
async fn the_official_client_and_the_double_understand_each_other() {
    let double = Double::open(KEY).await;
    let made = python(&double, OPEN, &[]).await;
    assert_eq!(made["status"], "open");
    let id = made["id"].as_str().unwrap();
    let event = double.pay(id, 1_795_000_000);
    let body = event.to_string();
    let signature = billing::sign_as_stripe(SECRET, 1_795_000_000, body.as_bytes());
    let seen = python(&double, PAID, &[id, &body, &signature, SECRET]).await;
    assert_eq!(seen["events"], json!([event["id"]]));
    for last4 in ["4242", "0002"] {
        let made = python(&double, &SETUP.replace("'c1'", &format!("'c{last4}'")), &[]).await;
        let (customer, session) =
            (made["customer"].as_str().unwrap(), made["session"].as_str().unwrap());
        let _ = double.enter(session, last4, 1_795_000_001);
        let _ = python(&double, CHARGE, &[customer, session, last4]).await;
    }
    assert_eq!(
        double.charges(),
        [(5000, "succeeded".into()), (5000, "requires_payment_method".into())]
    );
}
