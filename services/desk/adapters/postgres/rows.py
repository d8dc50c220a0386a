"""The shapes the desk reads, each in one place: lists, single reads and live frames show the same row."""

CONVERSATION = """
    SELECT c.conversation_id, c.contact_id, coalesce(k.display_name, k.handle, '') AS contact_name,
        coalesce(i.language, k.language) AS language, k.tier, i.channel,
        coalesce(w.state, CASE WHEN i.extra->>'needs_answer' = 'false' THEN 'resolved' ELSE 'waiting' END) AS state,
        CASE WHEN w.state IN ('assigned', 'resolved') THEN w.agent_id END AS assignee,
        CASE WHEN w.state IN ('assigned', 'resolved') THEN coalesce(a.name, w.agent_id) END AS assignee_name,
        w.queue_id, i.extra->>'subject' AS subject,
        left(CASE WHEN c.replied_at > c.live_at THEN r.body ELSE i.body END, 200) AS preview, c.last_at,
        (SELECT count(*) FROM (
            SELECT FROM desk.items f
            WHERE f.conversation_id = c.conversation_id AND f.at > coalesce(c.read_at, '-infinity')
              AND f.kind IN ('message', 'call', 'missed_call') LIMIT 100) AS fresh) AS unread,
        w.enqueued_at
    FROM desk.conversations c
    JOIN desk.contacts k ON k.contact_id = c.contact_id
    JOIN desk.items i ON i.item_id = c.live_id
    LEFT JOIN desk.items r ON r.item_id = c.replied_id
    LEFT JOIN desk.work_items w ON w.work_item_id = c.conversation_id
    LEFT JOIN desk.agents a ON a.agent_id = w.agent_id"""

OFFER = """
    SELECT w.agent_id, w.offer_id, w.work_item_id, c.conversation_id, i.channel,
        coalesce(k.display_name, k.handle, '') AS contact_name, left(i.body, 200) AS preview,
        coalesce(i.language, k.language) AS language, k.tier, w.queue_id,
        coalesce(nullif(q.name, ''), w.queue_id) AS queue_name, w.enqueued_at, w.expires_at, d.reason
    FROM desk.work_items w
    JOIN desk.conversations c ON c.conversation_id = w.work_item_id
    JOIN desk.contacts k ON k.contact_id = c.contact_id
    JOIN desk.items i ON i.item_id = c.live_id
    LEFT JOIN desk.queues q ON q.queue_id = w.queue_id
    LEFT JOIN desk.decisions d ON d.work_item_id = w.work_item_id AND d.placed = w.placed
    WHERE w.state = 'offered'"""

QUEUE = """
    SELECT q.queue_id, coalesce(nullif(q.name, ''), q.queue_id) AS name, q.waiting,
        (SELECT w.enqueued_at FROM desk.work_items w
         WHERE w.queue_id = q.queue_id AND w.state IN ('waiting', 'offered') AND w.state = 'waiting'
         ORDER BY w.enqueued_at LIMIT 1) AS oldest_enqueued_at
    FROM desk.queues q"""
