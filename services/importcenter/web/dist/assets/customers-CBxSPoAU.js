var e=`# Profiles from a table of customers, incremental on UPDATED_AT.
#
# Runs as it is against \`tapline dev\` (the connection \`warehouse\` and the account
# \`clevertap\` are there from the start) once the demo has made its tables:
#
#   tapline apply -f examples/customers.yaml
#   tapline run customers --wait
apiVersion: tapline.dev/v1alpha1
kind: Import
metadata:
  name: customers
  displayName: Customers
  owner: growth@example.com
  labels: {team: growth}
spec:
  timezone: UTC
  source:
    connectionRef: warehouse
    query: |
      select ROW_NO, CUSTOMER_ID, NAME, EMAIL, PHONE, GENDER, EMPLOYED, EDUCATION, MARRIED, BORN,
             SMS_CONSENT, PLAN, VISITS, SPEND, PREFERENCES, UPDATED_AT
      from SHOP.PUBLIC.CUSTOMERS
    # Rows that changed since the last run, and 15 minutes more for commits that
    # come late; what the last run has sent already is left out.
    cursor: {column: UPDATED_AT, lookback: 15m}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: CUSTOMER_ID}
  mapping:
    - {from: NAME, to: Name, onNull: reject}
    - EMAIL -> Email
    - PHONE -> Phone
    - GENDER -> Gender
    - EMPLOYED -> Employed
    - EDUCATION -> Education
    - MARRIED -> Married
    - {from: BORN, to: DOB, type: date, format: yyyy/MM/dd}
    - {from: SMS_CONSENT, to: MSG-sms, type: boolean}
    - PLAN -> plan tier
    - {from: VISITS, to: visits, type: integer}
    - SPEND -> total spend
    - {from: UPDATED_AT, to: last change, type: date}
    - {to: source, value: snowflake}
  limits: {maxRejectRatio: 0.2}
  topic: {partitions: 6}
  # Without schedules an import runs by hand. To run it by itself:
  # schedules: [{every: 6h}]
`;export{e as default};