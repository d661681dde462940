//! SQS, SNS and EventBridge.

use super::Place;
use crate::trail::event::Call;
use crate::trail::json::Object;

const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

fn queue_call(
    place: Place<'_>,
    name: &'static str,
    action: &'static str,
    queue: &str,
    parameters: impl FnOnce(Object) -> Object,
) -> Call {
    let suffix = if place.account.partition == "aws-cn" { ".cn" } else { "" };
    let url =
        format!("https://sqs.{}.amazonaws.com{suffix}/{}/{queue}", place.region, place.account.id);
    let arn = place.arn("sqs", queue);
    Call::new("sqs.amazonaws.com", name)
        .data()
        .parameters(parameters(Object::new().text("queueUrl", &url)))
        .resource("AWS::SQS::Queue", &arn, place.id())
        .need(action, &arn)
}

/// Sends a message.
pub fn send_message(place: Place<'_>, queue: &str) -> Call {
    queue_call(place, "SendMessage", "sqs:SendMessage", queue, |object| {
        object.text("messageBody", HIDDEN).text("messageAttributes", HIDDEN)
    })
    .writes()
}

/// Sends messages at once, which needs the action for one.
pub fn send_message_batch(place: Place<'_>, queue: &str) -> Call {
    queue_call(place, "SendMessageBatch", "sqs:SendMessage", queue, |object| {
        object.raw("entries", "[{\"id\":\"1\"},{\"id\":\"2\"}]")
    })
    .writes()
}

/// Receives messages.
pub fn receive_message(place: Place<'_>, queue: &str) -> Call {
    queue_call(place, "ReceiveMessage", "sqs:ReceiveMessage", queue, |object| {
        object.number("maxNumberOfMessages", 10).number("waitTimeSeconds", 20)
    })
}

/// Deletes a message.
pub fn delete_message(place: Place<'_>, queue: &str) -> Call {
    queue_call(place, "DeleteMessage", "sqs:DeleteMessage", queue, |object| {
        object.text("receiptHandle", HIDDEN)
    })
    .writes()
}

/// Asks for a queue's attributes: a management event without `resources[]`.
pub fn get_queue_attributes(place: Place<'_>, queue: &str) -> Call {
    let mut call =
        queue_call(place, "GetQueueAttributes", "sqs:GetQueueAttributes", queue, |object| {
            object.texts("attributeNames", &["All"])
        });
    call.data = false;
    call.resources.clear();
    call
}

/// Publishes to a topic.
pub fn publish(place: Place<'_>, topic: &str) -> Call {
    let arn = place.arn("sns", topic);
    Call::new("sns.amazonaws.com", "Publish")
        .data()
        .writes()
        .parameters(Object::new().text("topicArn", &arn).text("message", HIDDEN))
        .resource("AWS::SNS::Topic", &arn, place.id())
        .need("sns:Publish", &arn)
}

/// Changes the target of a rule on the default bus.
pub fn put_rule(place: Place<'_>, rule: &str) -> Call {
    let arn = place.arn("events", &format!("rule/{rule}"));
    Call::new("events.amazonaws.com", "PutRule")
        .writes()
        .parameters(
            Object::new()
                .text("name", rule)
                .text("scheduleExpression", "rate(5 minutes)")
                .text("state", "ENABLED"),
        )
        .response(Object::new().text("ruleArn", &arn))
        .need("events:PutRule", &arn)
}
