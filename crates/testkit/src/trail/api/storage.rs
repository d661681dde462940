//! S3: object calls are data events, bucket calls management events.

use super::Place;
use crate::trail::event::Call;
use crate::trail::json::Object;

const SOURCE: &str = "s3.amazonaws.com";

fn object_call(
    place: Place<'_>,
    name: &'static str,
    action: &'static str,
    bucket: &str,
    key: &str,
) -> Call {
    let arn = place.bare("s3", &format!("{bucket}/{key}"));
    Call::new(SOURCE, name)
        .data()
        .parameters(
            Object::new()
                .text("bucketName", bucket)
                .text("Host", &format!("{bucket}.s3.{}.amazonaws.com", place.region))
                .text("key", key),
        )
        .resource("AWS::S3::Object", &arn, None)
        .resource("AWS::S3::Bucket", &place.bare("s3", bucket), place.id())
        .need(action, &arn)
}

/// Reads an object.
pub fn get_object(place: Place<'_>, bucket: &str, key: &str) -> Call {
    object_call(place, "GetObject", "s3:GetObject", bucket, key)
}

/// Asks for an object's metadata, which is logged under a name that is no action.
pub fn head_object(place: Place<'_>, bucket: &str, key: &str) -> Call {
    object_call(place, "HeadObject", "s3:GetObject", bucket, key)
}

/// Writes an object.
pub fn put_object(place: Place<'_>, bucket: &str, key: &str) -> Call {
    object_call(place, "PutObject", "s3:PutObject", bucket, key)
        .writes()
        .response(Object::new().text("x-amz-server-side-encryption", "AES256"))
}

/// Deletes an object.
pub fn delete_object(place: Place<'_>, bucket: &str, key: &str) -> Call {
    object_call(place, "DeleteObject", "s3:DeleteObject", bucket, key).writes()
}

/// Copies an object: one event that needs a permission on either end.
pub fn copy_object(place: Place<'_>, from: (&str, &str), to: (&str, &str)) -> Call {
    let source = place.bare("s3", &format!("{}/{}", from.0, from.1));
    let arn = place.bare("s3", &format!("{}/{}", to.0, to.1));
    Call::new(SOURCE, "CopyObject")
        .data()
        .writes()
        .parameters(
            Object::new()
                .text("bucketName", to.0)
                .text("Host", &format!("{}.s3.{}.amazonaws.com", to.0, place.region))
                .text("x-amz-copy-source", &format!("{}/{}", from.0, from.1))
                .text("key", to.1),
        )
        .resource("AWS::S3::Object", &arn, None)
        .resource("AWS::S3::Bucket", &place.bare("s3", to.0), place.id())
        .need("s3:PutObject", &arn)
        .need("s3:GetObject", &source)
}

/// Lists a bucket under a prefix: a data event whose name is no action.
pub fn list_objects(place: Place<'_>, bucket: &str, prefix: &str) -> Call {
    let arn = place.bare("s3", bucket);
    Call::new(SOURCE, "ListObjects")
        .data()
        .parameters(
            Object::new()
                .text("list-type", "2")
                .text("bucketName", bucket)
                .text("encoding-type", "url")
                .text("prefix", prefix)
                .text("Host", &format!("{bucket}.s3.{}.amazonaws.com", place.region)),
        )
        .resource("AWS::S3::Bucket", &arn, place.id())
        .need("s3:ListBucket", &arn)
}

/// Lists the account's buckets.
pub fn list_buckets(place: Place<'_>) -> Call {
    Call::new(SOURCE, "ListBuckets")
        .parameters(Object::new().text("Host", &format!("s3.{}.amazonaws.com", place.region)))
        .need("s3:ListAllMyBuckets", "*")
}

/// Asks where a bucket is.
pub fn get_bucket_location(place: Place<'_>, bucket: &str) -> Call {
    let arn = place.bare("s3", bucket);
    Call::new(SOURCE, "GetBucketLocation")
        .parameters(
            Object::new()
                .text("bucketName", bucket)
                .text("Host", &format!("s3.{}.amazonaws.com", place.region))
                .text("location", ""),
        )
        .resource("AWS::S3::Bucket", &arn, place.id())
        .need("s3:GetBucketLocation", &arn)
}

/// Replaces a bucket's policy.
pub fn put_bucket_policy(place: Place<'_>, bucket: &str) -> Call {
    let arn = place.bare("s3", bucket);
    let policy = Object::new().text("Version", "2012-10-17").raw("Statement", "[]");
    Call::new(SOURCE, "PutBucketPolicy")
        .writes()
        .parameters(
            Object::new()
                .object("bucketPolicy", policy)
                .text("bucketName", bucket)
                .text("Host", &format!("{bucket}.s3.{}.amazonaws.com", place.region))
                .text("policy", ""),
        )
        .resource("AWS::S3::Bucket", &arn, place.id())
        .need("s3:PutBucketPolicy", &arn)
}
